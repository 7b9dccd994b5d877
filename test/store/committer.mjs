// Opens the embedded store of a folder and commits until it is killed, as test/store/contract.ts describes, or as often as
// the third argument says.
// Runs the built code, since it is a process of its own.
const [folder, widthText, commitsText] = process.argv.slice(2);
const { openEmbeddedStore } = await import('../../dist/scheduler/store/embedded.js');
const { workloadKey } = await import('../../dist/scheduler/model/records.js');

const width = Number(widthText);
// A small disk of a test has little room by any measure.
const freeSpace = () => ({ freeBytes: 1e12, totalBytes: 1e12 });
const ample = process.env.SLUICE_TEST_ROOM === 'ample' ? { freeSpace } : {};
const store = await openEmbeddedStore({ dataDir: folder, ...ample });
const { lineage, epoch, revision: first } = await store.beginEpoch();
process.stdout.write(`epoch ${epoch}\n`);
const last = first + Number(commitsText ?? Infinity);
for (let revision = first + 1; revision <= last; revision += 1) {
  const puts = Array.from({ length: width }, (_, index) => {
    const number = revision * width + index;
    return {
      collection: 'workloads',
      key: workloadKey(number),
      value: { number, state: 'pending', message: 'x'.repeat(number % 500) },
    };
  });
  const deletes = [{ collection: 'workloads', key: workloadKey((revision - 1) * width) }];
  await store.commit({ lineage, epoch, revision, puts, deletes });
  process.stdout.write(`${revision}\n`);
}
if (process.env.SLUICE_TEST_DIE === undefined) {
  await store.close();
} else {
  // One more commit, in the middle of which this process is killed: by itself so many microseconds after it was sent, or by
  // strace at a flush.
  const number = (last + 1) * width;
  const puts = Array.from({ length: width }, (_, index) => {
    const value = { number: number + index, state: 'pending', message: 'last' };
    return { collection: 'workloads', key: workloadKey(number + index), value };
  });
  const commit = () => store.commit({ lineage, epoch, revision: last + 1, puts, deletes: [] });
  const die = process.env.SLUICE_TEST_DIE;
  if (die === 'before') process.kill(process.pid, 'SIGKILL');
  if (die === 'after') {
    await commit();
    process.stdout.write(`${last + 1}\n`, () => process.kill(process.pid, 'SIGKILL'));
    await new Promise(() => setInterval(() => undefined, 1000));
  }
  const done = commit();
  const until = performance.now() + Number(die) / 1000;
  // The writer's thread goes on while this one spins.
  while (performance.now() < until);
  process.kill(process.pid, 'SIGKILL');
  await done;
}
