// Where victims are looked for when a gang's tasks must be together: in one domain (rack, block, node or NVLink group) at a time.
// Were they taken wherever fairness finds them, those outside of the domain in which the gang comes to lie would have used up
// what their queues may give, and the last one in it would no longer be a legal victim.
import type { TopologyRule } from '../model/records.js';
import type { Bank, BankClass, Domain, NodeEntry, NodeTable, Slot } from './nodes.js';
import type { Shape } from './shapes.js';

/** A domain in which all tasks of a gang have to be. */
export interface Region {
  readonly name: string;
  readonly domain: Domain | null;
  readonly node: NodeEntry | null;
  readonly nvlinkGroup: number | null;
}

/** The domains that a gang's rule allows, each once; none where it has no rule that all its tasks must keep. Cost: the banks. */
export function regionsOf(shape: Shape, nodes: NodeTable): readonly Region[] {
  const rule = ruleOfAll(shape);
  if (rule === null || !rule.required) return NO_REGIONS;
  if (rule.level === 'rack' || rule.level === 'block') {
    return [...nodes.domains.values()]
      .filter(({ level }) => level === rule.level)
      .map((domain) => ({ name: domain.name, domain, node: null, nvlinkGroup: null }));
  }
  const banks = shape.parts.flatMap(({ ask }) => ask.classes).flatMap((bankClass) => bankClass.banks);
  const found = [...new Set(banks.map(({ node }) => node))];
  if (rule.level === 'node') return found.map((node) => ({ name: node.name, domain: null, node, nvlinkGroup: null }));
  return found.flatMap((node) => {
    const groups = new Set(node.banks.flatMap(({ slots }) => slots.map(({ nvlinkGroup }) => nvlinkGroup)));
    return [...groups].flatMap((nvlinkGroup) =>
      nvlinkGroup === null ? [] : [{ name: node.name, domain: null, node, nvlinkGroup }],
    );
  });
}

const NO_REGIONS: readonly Region[] = [];

/** The rule of the gang, or of its only role. */
function ruleOfAll({ topology, parts }: Shape): TopologyRule | null {
  return topology ?? (parts.length === 1 ? (parts[0]?.topology ?? null) : null);
}

/** The banks of a class that are, at least in part, in a region; null = everywhere. */
export function banksIn(region: Region | null, bankClass: BankClass): readonly Bank[] {
  if (region === null) return bankClass.banks;
  if (region.node !== null) return region.node.banks.filter((bank) => bank.bankClass === bankClass);
  return region.domain?.classes.get(bankClass)?.banks ?? [];
}

export function isIn(region: Region | null, { bank, nvlinkGroup }: Slot): boolean {
  if (region === null) return true;
  if (region.domain !== null) return region.domain.nodes.has(bank.node);
  return bank.node === region.node && (region.nvlinkGroup === null || region.nvlinkGroup === nvlinkGroup);
}
