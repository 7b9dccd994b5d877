// Several metrics that show one look at the cluster: Prometheus collects all of them at the same time, and each look of its own would
// hold the one writer up once more.

/** @returns what begins a look, or joins the one that is under way */
export function oneLook<T>(look: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => (underWay ??= look().finally(() => (underWay = null)));
}
