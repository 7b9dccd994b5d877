// What gRPC says of a connection that did not come about, in the words of the operating system.

/** The operating system's words out of gRPC's, such as `connect ECONNREFUSED 127.0.0.1:7443`; what has none stays as it is. */
export function connectionProblem(details: string): string {
  const found = /Last error: (?:Error: )?(.*?)\.?\s*(?:Resolution note:.*)?$/s.exec(details);
  return (found?.[1] ?? details).trim();
}
