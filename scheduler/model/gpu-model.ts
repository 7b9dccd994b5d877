// How the name of a GPU model in a request is compared with the one a driver reports.

/**
 * Whether a GPU's model answers to a request: every word of the request is part of the model's name, whatever the case.
 * An empty request takes any. "h100" takes "NVIDIA H100 80GB HBM3"; "h100 80gb" does, too; "a100" does not.
 */
export function matchesModel(model: string, request: string): boolean {
  const name = model.toLowerCase();
  return request
    .toLowerCase()
    .split(/[\s_-]+/)
    .every((word) => name.includes(word));
}
