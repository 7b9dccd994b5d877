// `sluice report budget`: how the budgets of queues stand in their present periods, as a table, as CSV, or as JSON.
import type { Command } from 'commander';
import { fromTimestamp } from '../../common/units.js';
import type { BudgetUse__Output } from '../../proto/gen/sluice/v1/BudgetUse.js';
import type { Queue__Output } from '../../proto/gen/sluice/v1/Queue.js';
import type { QueueBudget__Output } from '../../proto/gen/sluice/v1/QueueBudget.js';
import { csvField } from '../csv.js';
import type { Invocation } from '../invocation.js';
import { actionWord, budgetPart, digitsOf, periodText, presentPeriod } from '../spec/budget.js';

interface Options {
  readonly output?: string;
}

interface Standing {
  readonly queue: string;
  readonly budget: QueueBudget__Output;
  readonly use: BudgetUse__Output;
}

const DAY_MS = 24 * 3_600_000;
const TITLES = ['QUEUE', 'BUDGET', 'UNIT', 'USED', 'LEFT', 'PART', 'PERIOD', 'PASSED', 'WHEN-SPENT', 'STATE'];

/** Adds it below `report`. */
export function defineBudgetReport(command: Command, invocation: Invocation): void {
  command
    .command('budget')
    .usage('[FLAGS]')
    .description(
      'What queues have used of their budgets in the present period, with all below them and what runs up to now. PASSED is\n' +
        'how much of the period is over: a queue whose PART is beyond it uses more than it was meant to.',
    )
    .option('-o, --output <format>', 'json, yaml or csv')
    .action((options: Options) => report(invocation, options));
}

async function report(invocation: Invocation, { output }: Options): Promise<void> {
  const isCsv = output === 'csv';
  const format = invocation.format(isCsv ? undefined : output, ['json', 'yaml']);
  const queues = (await (await invocation.client()).allQueues()).filter(({ budgetUse }) => budgetUse !== null);
  if (!isCsv && (format === 'json' || format === 'yaml')) {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('ListQueuesResponse', { queues, nextPageToken: '' }));
    return;
  }
  const rows = queues.flatMap(standingOf).map((one) => row(one, invocation.nowMs));
  if (isCsv) {
    for (const line of [TITLES, ...rows]) invocation.out(line.map(csvField).join(','));
  } else if (rows.length === 0) {
    invocation.note('No queue has a budget. Give one: sluice queue update NAME --budget 5000,per=month');
  } else {
    invocation.host.stdout.write(invocation.table(TITLES).withTitles(rows));
  }
}

function standingOf({ spec, budgetUse: use }: Queue__Output): readonly Standing[] {
  const budget = spec?.budget ?? null;
  return budget === null || use === null ? [] : [{ queue: spec?.name ?? '', budget, use }];
}

function row({ queue, budget, use }: Standing, nowMs: number): string[] {
  const isCost = budget.unit === 'BUDGET_UNIT_COST';
  const figure = (amount: number): string => amount.toFixed(digitsOf(budget));
  const [fromMs, untilMs] = [fromTimestamp(use.startTime) ?? 0, fromTimestamp(use.endTime) ?? DAY_MS];
  const passed = Math.min(1, Math.max(0, (nowMs - fromMs) / (untilMs - fromMs)));
  return [
    queue,
    String(budget.amount),
    isCost ? use.currency || 'cost' : 'GPU-h',
    figure(use.used),
    figure(Math.max(0, budget.amount - use.used)),
    budgetPart(budget, use),
    `${periodText(budget).replace(/^from.*/, 'once')}: ${presentPeriod(use)}`,
    `${Math.floor(passed * 100)} %`,
    actionWord(budget),
    stateWord(budget, use, passed),
  ];
}

function stateWord(
  { amount, warnAt }: QueueBudget__Output,
  { used, isSpent }: BudgetUse__Output,
  passed: number,
): string {
  if (passed === 0) return 'not begun';
  if (passed === 1) return 'over';
  if (isSpent || used >= amount) return 'spent';
  return warnAt.some((part) => used >= part * amount) ? 'warned' : 'ok';
}
