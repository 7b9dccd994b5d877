// What an agent shows to those who measure: its pages for Prometheus, and the files for a dcgm-exporter that runs beside it.
import type { Clock, Timer } from '../../common/clock.js';
import { type PageServer, servePages } from '../../common/http-pages.js';
import type { Logger } from '../../common/log.js';
import { agentRegistry, type AgentView, workloadRegistry } from './agent-metrics.js';
import { EXPORTER_PORT, exporterRuns, registerDcgmNames } from './dcgm-names.js';
import { writeJobMapping } from './job-mapping.js';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

export interface ShownMetrics {
  /** Null = no pages. */
  readonly http: HttpAddress | null;
  /** Whether to use the names of dcgm-exporter too; `auto` = unless one answers on this machine. */
  readonly dcgmNames: 'auto' | 'on' | 'off';
  /** Null = no files. */
  readonly jobMappingDir: string | null;
}

/** How often the files follow what runs, in ms: dcgm-exporter reads them at each scrape. */
const MAPPING_MS = 2_000;

/**
 * Begins to show an agent.
 * @returns ends it
 * @throws Error in words when nothing can listen there
 */
export async function serveMetrics(
  { http, dcgmNames, jobMappingDir }: ShownMetrics,
  look: () => AgentView,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<PageServer | null> {
  const mapping = jobMappingDir === null ? null : followMapping(jobMappingDir, look, clock, log);
  if (http === null && mapping === null) return null;
  const pages = http === null ? null : await servePages(http, await pagesOf(dcgmNames, look, log));
  if (pages !== null) log.info({ http: pages.address }, 'metrics are served');
  return {
    address: pages?.address ?? '',
    close: async () => {
      mapping?.stop();
      await pages?.close();
    },
  };
}

async function pagesOf(dcgmNames: ShownMetrics['dcgmNames'], look: () => AgentView, log: Logger) {
  const metrics = agentRegistry(look);
  const workloads = workloadRegistry(look);
  const isExporterThere = dcgmNames === 'auto' && (await exporterRuns());
  if (isExporterThere) {
    log.info({ port: EXPORTER_PORT }, 'a dcgm-exporter answers: metrics have our names only, lest GPUs count twice');
  }
  if (dcgmNames === 'on' || (dcgmNames === 'auto' && !isExporterThere)) registerDcgmNames(metrics, look);
  const page = (registry: typeof metrics) => async () => ({
    code: 200,
    body: await registry.metrics(),
    type: registry.contentType,
  });
  return {
    '/metrics': page(metrics),
    '/metrics/workloads': page(workloads),
    '/healthz': () => ({ code: 200, body: 'ok\n' }),
  };
}

/** Keeps the files in line with what runs. What goes wrong is told once, and again when it has changed. */
function followMapping(
  folder: string,
  look: () => AgentView,
  clock: Clock,
  log: Logger,
): { readonly stop: () => void } {
  let timer: Timer | null = null;
  let told = '';
  const write = (): void => {
    let problem = '';
    try {
      writeJobMapping(folder, look());
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (problem !== told && problem !== '') log.error({ folder, problem }, 'job mapping files cannot be written');
    told = problem;
    timer = clock.after(MAPPING_MS, write);
  };
  write();
  return { stop: () => timer?.cancel() };
}
