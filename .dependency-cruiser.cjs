// Who may import whom. `npm run layers` holds it; docs/internals/architecture.md draws it.

/** Our own folders; everything else is Node or a package. */
const OURS = '^(bench|cli|common|dashboards|examples|node-agent|proto|scheduler|simulator|test)/';

/** Forbids `from` to import any of our modules but those `allowed`. */
function onlyOurs(name, comment, from, allowed) {
  return { name, comment, severity: 'error', from, to: { path: OURS, pathNot: allowed } };
}

const MODEL = '^scheduler/model/';
const ENGINE = '^scheduler/engine/';
const CONTROL = '^scheduler/control/';
const PROTO_TYPES = '^proto/gen/';
const COMMON = '^common/';
const STORE_INTERFACE = '^scheduler/store/state-store\\.ts$';
/** Parts of common that are data and arithmetic. (Lint sees to it that only types of ids.ts are used.) */
const PURE_COMMON = '^common/(assert|gpu-parts|ids|units)\\.ts$';

/** What the CLI finds beside it, loaded when it is asked for. */
const LOADED_LAZILY = [
  '^scheduler/open-redis\\.ts$',
  '^(scheduler|node-agent)/main\\.ts$',
  '^scheduler/store/snapshot/(read|restore)\\.ts$',
];

module.exports = {
  forbidden: [
    {
      name: 'no-cycles-between-folders',
      comment:
        'Inside a folder types may name each other (lint refuses cycles of code); two folders in a cycle are one.',
      severity: 'error',
      from: { path: '^((?:scheduler|node-agent)/[^/]+(?=/)|[^/]+)/' },
      to: { circular: true, via: { pathNot: '^$1/' } },
    },
    {
      name: 'everything-resolves',
      comment: 'An import that cannot be found escapes every rule below.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-packages-only',
      comment: 'A package that package.json does not name may vanish with the one that brought it.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'product-needs-no-dev-packages',
      comment: 'What users run has dependencies only.',
      severity: 'error',
      from: { path: '^(cli|common|node-agent|scheduler|simulator)/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'nobody-imports-tests',
      comment: 'Tests see everything; nothing sees them.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'nobody-imports-programs',
      comment: 'bench/, dashboards/ and examples/ use the product from outside.',
      severity: 'error',
      from: { pathNot: '^(bench|dashboards|examples|test)/' },
      to: { path: '^(bench|dashboards|examples)/' },
    },
    onlyOurs(
      'common-stands-alone',
      'common/ is below everything: it may name the generated message types and nothing else of ours.',
      { path: COMMON },
      [COMMON, PROTO_TYPES],
    ),
    onlyOurs('proto-stands-alone', 'Generated types name each other.', { path: PROTO_TYPES }, [PROTO_TYPES]),
    onlyOurs('model-is-the-bottom', 'The model is data and pure transitions.', { path: MODEL }, [MODEL, PURE_COMMON]),
    onlyOurs('engine-sees-the-model', 'The engine decides from the model alone.', { path: ENGINE }, [
      ENGINE,
      MODEL,
      PURE_COMMON,
    ]),
    {
      name: 'pure-core-has-no-platform',
      comment: 'model, engine and session run unchanged in the daemon, in a simulator and in replay.',
      severity: 'error',
      from: { path: [MODEL, ENGINE, '^node-agent/session/'] },
      to: { dependencyTypes: ['core', 'npm', 'npm-optional'] },
    },
    onlyOurs(
      'control-decides-below-the-api',
      'The one writer knows the engine, the model and the interface of the store.',
      { path: CONTROL },
      [CONTROL, ENGINE, MODEL, STORE_INTERFACE, COMMON],
    ),
    onlyOurs('store-keeps-records', 'A store knows the records it keeps.', { path: '^scheduler/store/' }, [
      '^scheduler/store/',
      MODEL,
      COMMON,
    ]),
    onlyOurs(
      'edges-use-control',
      'api, fleet, metrics and tracing turn messages into commands and state into messages.',
      { path: '^scheduler/(api|fleet|metrics|auth|notify|tracing)/' },
      ['^scheduler/(api|fleet|metrics|auth|notify|tracing)/', CONTROL, ENGINE, MODEL, COMMON, PROTO_TYPES],
    ),
    {
      name: 'only-main-picks-the-store',
      comment: 'Everyone else speaks to the StateStore interface.',
      severity: 'error',
      from: {
        pathNot: [
          '^scheduler/(main|daemon|leading|term|backend|open-redis)\\.ts$',
          '^scheduler/store/',
          '^cli/',
          '^(test|bench|simulator)/',
        ],
      },
      to: { path: '^scheduler/store/', pathNot: STORE_INTERFACE },
    },
    onlyOurs(
      'agent-shares-messages-only',
      'An agent shares messages and common with the scheduler, and is upgraded by itself.',
      { path: '^node-agent/' },
      ['^node-agent/', COMMON, PROTO_TYPES],
    ),
    onlyOurs(
      'cli-is-a-client',
      'The CLI speaks the API like any client; `server` and `agent` start the daemons they find beside it, and `snapshot` ' +
        'reads files where there is no daemon to ask.',
      { path: '^cli/' },
      ['^cli/', COMMON, PROTO_TYPES, ...LOADED_LAZILY],
    ),
    {
      name: 'cli-loads-daemons-lazily',
      comment: 'A static import would make `sluice get` pay for the daemon at every start.',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: LOADED_LAZILY, dependencyTypesNot: ['dynamic-import'] },
    },
    {
      name: 'scheduler-knows-no-agent',
      comment: 'They meet on the wire.',
      severity: 'error',
      from: { path: '^scheduler/' },
      to: { path: '^(node-agent|cli)/' },
    },
  ],
  options: {
    // With TypeScript 7 alone the cruiser finds no module at all; swc reads the sources.
    parser: 'swc',
    // Imports of types are imports: they are what couples designs.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|node_modules)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'types'] },
    builtInModules: { add: ['node:test'] },
  },
};
