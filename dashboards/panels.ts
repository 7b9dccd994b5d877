// The few kinds of panels that our dashboards are made of: same units, same legends, same behaviour when there is nothing.
import {
  StackingMode,
  LegendDisplayMode,
  LegendPlacement,
  GraphDrawStyle,
  VisibilityMode,
} from '@grafana/grafana-foundation-sdk/common';
import * as common from '@grafana/grafana-foundation-sdk/common';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** Every dashboard finds the others by it. */
const TAG = 'sluice';
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
/** Of Grafana's 24 columns and its rows of 30 pixels. */
const TILE = { span: 4, height: 4 };
const HALF = { span: 12, height: 8 };

/** One line of a panel: what is asked, and what it is called. */
export type Line = readonly [expr: string, legend: string];

/** What a figure looks like when it is bad; `from` in the unit of the panel. */
export interface Threshold {
  readonly color: 'orange' | 'red';
  readonly from: number;
}

/** A single figure. */
export function tile(
  title: string,
  description: string,
  unit: string,
  expr: string,
  thresholds: readonly Threshold[] = [],
) {
  return new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .noValue('none')
    .span(TILE.span)
    .height(TILE.height)
    .thresholds(steps(thresholds))
    .withTarget(query([expr, title], 0));
}

/** Lines over time. */
export function lines(title: string, description: string, unit: string, ...of: readonly Line[]) {
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .min(0)
    .noValue('none')
    .span(HALF.span)
    .height(HALF.height)
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  of.forEach((line, place) => panel.withTarget(query(line, place)));
  return panel;
}

/** Areas on top of each other. */
export function stacked(title: string, description: string, unit: string, ...of: readonly Line[]) {
  return lines(title, description, unit, ...of)
    .fillOpacity(60)
    .stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
}

/** Things that happen now and then, as bars. */
export function bars(title: string, description: string, unit: string, ...of: readonly Line[]) {
  return stacked(title, description, unit, ...of)
    .drawStyle(GraphDrawStyle.Bars)
    .lineWidth(0);
}

/** A bar for each series, at present. */
export function gauges(title: string, description: string, unit: string, ...of: readonly Line[]) {
  const panel = new bargauge.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .min(0)
    .noValue('none')
    .span(HALF.span)
    .height(HALF.height)
    .orientation(common.VizOrientation.Horizontal)
    .thresholds(steps([]));
  of.forEach(([expr, legend], place) => panel.withTarget(query([expr, legend], place).instant()));
  return panel;
}

/** A row for each series, at present; columns are its labels and the value. */
export function rows(title: string, description: string, value: string, expr: string) {
  return new table.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .noValue('none')
    .span(HALF.span)
    .height(HALF.height)
    .withTarget(query([expr, value], 0).format(PromQueryFormat.Table).instant())
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true, __name__: true, instance: true, job: true },
        renameByName: { Value: value },
      },
    });
}

/** What can be chosen at the top of a dashboard: the values of a label. */
export interface Choice {
  readonly name: string;
  readonly of: string;
  readonly label?: string;
  /** One value, not several or all. */
  readonly single?: boolean;
}

/** A dashboard before it has panels: variables, links to the others, and what happened as annotations. */
export function board(uid: string, title: string, description: string, choices: readonly Choice[]): DashboardBuilder {
  const dashboard = new DashboardBuilder(`Sluice / ${title}`)
    .uid(`sluice-${uid}`)
    .description(description)
    .tags([TAG])
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .link(
      new DashboardLinkBuilder('Sluice')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .annotation(
      event('Reclaims', 'orange', 'sum by (by_queue, victim_queue) (changes(sluice_preemptions_total[1m])) > 0'),
    )
    .annotation(event('Nodes lost', 'red', 'sum by (node) (sluice_node_up == 0)'));
  for (const { name, of, label = name, single = false } of choices) {
    dashboard.withVariable(
      new QueryVariableBuilder(name)
        .query(`label_values(${of}, ${label})`)
        .datasource(SOURCE)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(!single)
        .includeAll(!single),
    );
  }
  return dashboard;
}

function event(name: string, color: string, expr: string): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder().name(name).datasource(SOURCE).enable(true).iconColor(color).expr(expr);
}

function query([expr, legend]: Line, place: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .expr(expr)
    .legendFormat(legend)
    .refId(String.fromCodePoint(65 + place));
}

function steps(thresholds: readonly Threshold[]): ThresholdsConfigBuilder {
  const fine = { value: null, color: 'green' };
  const bad = thresholds.map(({ from, color }) => ({ value: from, color }));
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([fine, ...bad]);
}
