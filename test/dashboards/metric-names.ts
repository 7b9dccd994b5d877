// Names of metrics as the documentation writes them.

/** `sluice_{a,b}_{x,y}` as sluice_a_x, sluice_a_y, …; what is in braces at the end must not be labels. */
export function expandBraces(text: string): readonly string[] {
  const [first = '', ...rest] = text.split('{');
  return rest.reduce<readonly string[]>(
    (names, part) => {
      const [choices = '', after = ''] = part.split('}');
      return names.flatMap((name) => choices.split(',').map((choice) => name + choice + after));
    },
    [first],
  );
}
