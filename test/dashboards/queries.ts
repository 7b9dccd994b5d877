// The queries of our dashboards, with variables filled in, as a Prometheus takes them.
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = 'dashboards/grafana';

interface Panel {
  readonly title?: string;
  readonly targets?: readonly { readonly expr?: string }[];
}

export interface DashboardFile {
  readonly file: string;
  readonly json: {
    readonly title: string;
    readonly uid: string;
    readonly panels: readonly Panel[];
    readonly templating: { readonly list: readonly { readonly type: string; readonly query?: string }[] };
    readonly annotations: { readonly list: readonly { readonly expr?: string }[] };
  };
}

/** Every dashboard as it stands in the repository. */
export function dashboardFiles(): readonly DashboardFile[] {
  return readdirSync(FOLDER).map((file) => ({
    file,
    json: JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as DashboardFile['json'],
  }));
}

/** What each panel, variable and annotation asks. */
export function queriesOf({ file, json }: DashboardFile): readonly { readonly where: string; readonly expr: string }[] {
  const panels = json.panels.flatMap(({ title = '', targets = [] }) =>
    targets.map(({ expr = '' }) => ({ where: `${file}: ${title}`, expr })),
  );
  const variables = json.templating.list
    .map(({ query = '' }) => /^label_values\((.+), (\w+)\)$/.exec(query))
    .filter((match) => match !== null)
    .map(([, series = '', label = '']) => ({
      where: `${file}: values of ${label}`,
      expr: `count by (${label}) (${series})`,
    }));
  return [...panels, ...variables].map(({ where, expr }) => ({ where, expr: filledIn(expr) }));
}

/** Annotations may be empty: nothing has happened. */
export function annotationsOf({
  file,
  json,
}: DashboardFile): readonly { readonly where: string; readonly expr: string }[] {
  return json.annotations.list
    .filter(({ expr }) => expr !== undefined)
    .map(({ expr = '' }) => ({ where: `${file}: an annotation`, expr: filledIn(expr) }));
}

function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(queue|pool|node|workload)\b/g, '.*');
}
