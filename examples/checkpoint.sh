#!/bin/sh
# Counts, saves its count every few steps and when it is told to stop, and goes on from there in the next attempt. Plain POSIX shell:
# the file COMPLETE in a folder of SLUICE_CHECKPOINT_DIR is all that makes a checkpoint count.
set -eu
goal=${COUNT_TO:-600}
pause=${COUNT_PAUSE:-1}
every=${COUNT_EVERY:-10}

count=0
if [ -n "${SLUICE_RESUME_FROM:-}" ]; then
  count=$(cat "$SLUICE_RESUME_FROM/count")
fi
echo "attempt ${SLUICE_ATTEMPT:-1} begins at $count"

# A folder of its own for each checkpoint. First the content, then the mark, which appears whole by its renaming.
write_checkpoint() {
  folder="$SLUICE_CHECKPOINT_DIR/step-$count" &&
    mkdir -p "$folder" &&
    echo "$count" > "$folder/count" &&
    sync "$folder/count" "$folder" &&
    echo "{\"step\": $count, \"attempt\": ${SLUICE_ATTEMPT:-0}}" > "$folder/.complete" &&
    mv "$folder/.complete" "$folder/COMPLETE"
}

# The stop signal goes to every process, also to the mv of a checkpoint that is just being written: then it is written once more.
save() {
  write_checkpoint || write_checkpoint
  echo "saved $count"
}

# The signal ahead of the stop signal (checkpoint.signal), and the stop signal itself where there is no time for that.
noticed=no
trap 'noticed=yes' USR1 TERM

while [ "$count" -lt "$goal" ]; do
  sleep "$pause" || true # a signal may end the sleep, too
  count=$((count + 1))
  echo "count $count"
  if [ "$noticed" = yes ]; then
    save
    # "Try me again": the stop file says why, if anybody asks.
    echo "stopped at $count: $(cat "${SLUICE_STOP_FILE:-/dev/null}")"
    exit 75
  fi
  if [ $((count % every)) -eq 0 ]; then save; fi
done
echo "counted to $count"
