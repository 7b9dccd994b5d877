// Chooses the source of a node's GPUs from what its agent was started with.
import { readFileSync } from 'node:fs';
import type { Clock } from '../../common/clock.js';
import { createNoGpuProvider } from './none.js';
import { NvidiaSmiProvider, type NvidiaSmiOptions } from './nvidia-smi.js';
import type { GpuLogger, GpuProvider } from './provider.js';
import { parseScenario, parseShortScenario, type Scenario, ScenarioError } from './scenario.js';
import { SimulatedProvider } from './simulated.js';

/** Where a node's GPUs come from. */
export type GpuOptions =
  | ({ readonly source: 'real' } & NvidiaSmiOptions)
  | {
      readonly source: 'simulated';
      /** `4xH100`, or the path of a scenario file. */
      readonly scenario: string;
      /** UUIDs of simulated GPUs follow from it. */
      readonly nodeId: string;
      /** See `SimulatedOptions`. */
      readonly limitMs?: number;
    }
  | { readonly source: 'none' };

/**
 * Makes the provider. Nothing is read yet.
 * @throws ScenarioError when a scenario cannot be used; its message is for the person who wrote it
 */
export function createGpuProvider(
  options: GpuOptions,
  deps: { readonly clock: Clock; readonly logger?: GpuLogger },
): GpuProvider {
  switch (options.source) {
    case 'real':
      return new NvidiaSmiProvider(options, deps);
    case 'simulated':
      return new SimulatedProvider({ ...options, scenario: loadScenario(options.scenario) }, deps);
    case 'none':
      return createNoGpuProvider();
  }
}

/**
 * Reads a scenario from its short form or its file. A name with a dot or a slash is always a file.
 * @throws ScenarioError
 */
export function loadScenario(shortOrPath: string): Scenario {
  const short = parseShortScenario(shortOrPath);
  if (short !== null) return short;
  return parseScenario(readScenarioFile(shortOrPath), shortOrPath);
}

function readScenarioFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ScenarioError(
      `${JSON.stringify(path)} is neither a short scenario such as 4xH100 nor a file that can be read: ${why}`,
    );
  }
}
