// What an agent shows to those who measure: its pages for Prometheus, and the files for a dcgm-exporter that runs beside it.
import type { Clock, Timer } from '../../common/clock.js';
import { type Pages as PagesByPath, type PageServer, servePages } from '../../common/http-pages.js';
import type { Logger } from '../../common/log.js';
import type { SpanCounts } from '../../common/tracing/span-queue.js';
import { registerTraceMetrics } from '../../common/tracing/trace-metrics.js';
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

/** How soon a place that another program has is tried again, in ms. */
const RETRY_MS = 30_000;

interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
  /** Null = nothing is traced. */
  readonly spanCounts?: SpanCounts | null;
}

/** What is shown, until it is ended. */
export interface Showing {
  /** HOST:PORT where the pages answer; null = nowhere, at present. */
  readonly address: string | null;
  end(): Promise<void>;
}

/** Begins to show an agent. Never fails: tasks must not end because somebody else has a port. It is told, and tried again. */
export async function showAgent(
  { http, dcgmNames, jobMappingDir }: ShownMetrics,
  look: () => AgentView,
  surroundings: Surroundings,
): Promise<Showing> {
  const mapping = jobMappingDir === null ? null : followMapping(jobMappingDir, look, surroundings);
  const pages = http === null ? null : new Pages(http, await pagesOf(dcgmNames, look, surroundings), surroundings);
  await pages?.open();
  return {
    get address() {
      return pages?.address ?? null;
    },
    end: async () => {
      mapping?.stop();
      await pages?.close();
    },
  };
}

/** The pages, as soon as their place is free. */
class Pages {
  readonly #place: HttpAddress;
  readonly #pages: PagesByPath;
  readonly #surroundings: Surroundings;
  #server: PageServer | null = null;
  #retry: Timer | null = null;
  #isClosed = false;

  constructor(place: HttpAddress, pages: PagesByPath, surroundings: Surroundings) {
    this.#place = place;
    this.#pages = pages;
    this.#surroundings = surroundings;
  }

  get address(): string | null {
    return this.#server?.address ?? null;
  }

  async open(): Promise<void> {
    const { clock, log } = this.#surroundings;
    try {
      this.#server = await servePages(this.#place, this.#pages);
      log.info({ http: this.#server.address }, 'metrics are served');
    } catch (error) {
      log.error({ problem: (error as Error).message, againMs: RETRY_MS }, 'metrics cannot be served; tasks go on');
      if (!this.#isClosed) this.#retry = clock.after(RETRY_MS, () => void this.open());
    }
    if (this.#isClosed) await this.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#server?.close();
    this.#server = null;
  }
}

async function pagesOf(
  dcgmNames: ShownMetrics['dcgmNames'],
  look: () => AgentView,
  { log, spanCounts = null }: Surroundings,
): Promise<PagesByPath> {
  const metrics = agentRegistry(look);
  if (spanCounts !== null) registerTraceMetrics(metrics, spanCounts);
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
  { clock, log }: Surroundings,
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
