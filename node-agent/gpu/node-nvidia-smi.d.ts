// The package node-nvidia-smi 1.0.0 has no types. What it really does, from its source: runs `nvidia-smi -q -x` through
// a shell without a time limit, and turns the XML into a tree with xml2js.
declare module 'node-nvidia-smi' {
  /** `error` is an Error, or a string when anything stood on stderr; then there is no data, however good the output. */
  export default function smi(callback: (error: unknown, data?: unknown) => void): void;
}
