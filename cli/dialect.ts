// The two dialects of the flags: verbs that create work speak Slurm, verbs that look speak kubectl. A flag used in the
// wrong one is answered with a lesson instead of "unknown option".

/** Commands whose flags are sbatch's. */
const CREATING = ['submit', 'run', 'plan'];
/** Commands whose flags are kubectl's. */
const LOOKING = ['get', 'describe', 'logs', 'why', 'wait', 'cancel', 'hold', 'release', 'requeue', 'priority'];

const SBATCH_ONLY = 'is not supported in this release';

const CREATING_LESSONS: Readonly<Record<string, string>> = {
  '-o': '-o is the stdout file in submit and run (as in sbatch), which is not supported in this release; for JSON output use --json',
  '--output':
    '--output is the stdout file in submit and run (as in sbatch), which is not supported; for JSON output use --json',
  '-w': '-w is the node list (as in sbatch); in a file say it as resources: {nodelist: [n1, n2]}; to wait use -W, to watch: sluice get workloads -w',
  '-n': '-n is the number of tasks (as in sbatch); in a file say it as resources: {tasks: N}',
  '-N': '-N is the number of nodes (as in sbatch); here ask for tasks with -n and GPUs for each with -G, nodes follow from them',
  '-c': '-c is the CPUs for each task (as in sbatch); in a file say it as resources: {cpu: 4}',
  '--mem': '--mem is the memory for each task (as in sbatch); in a file say it as resources: {memory: 32GiB}',
  '-t': '-t is the time limit (as in sbatch); in a file say it as time: 2h',
  '--time': '--time is the time limit (as in sbatch); in a file say it as time: 2h',
  '-a': '-a makes an array (as in sbatch); in a file say it as array: 0-99%10',
  '--array': '--array makes an array (as in sbatch); in a file say it as array: 0-99%10',
  '-G': '-G asks for GPUs (as in sbatch); in a file say it as resources: {gpu: h100:2}',
  '-C': '-C chooses nodes by label (as in sbatch); in a file say it as resources: {constraint: {LABEL: VALUE}}',
  '-l': `-l sets labels, which ${SBATCH_ONLY}; to filter: sluice get workloads`,
  '-D': '-D is the folder to start in (as in sbatch); use --workdir in run, workdir: in a file',
  '--gres': '--gres is said with -G here: -G h100:8 for --gres=gpu:h100:8',
  '--gpus-per-task': '--gpus-per-task is said with -G here: GPUs for each task',
  '--wrap': '--wrap is said with run here: sluice run -d -- COMMAND',
  '--parsable': '--parsable is said with --json here',
};

const LOOKING_LESSONS: Readonly<Record<string, string>> = {
  '-A': '-A is the queue to charge in submit and run (as in sbatch); here -n QUEUE chooses one queue',
  '--account': '--account is for submit and run (as in sbatch); here -n QUEUE chooses one queue',
  '-p': '-p is the pool in submit and run (as in sbatch); here it has no meaning',
  '-q': '-q is the priority in submit and run (as in sbatch); here -n QUEUE chooses one queue',
  '-J': '-J names new work in submit and run (as in sbatch); here a name is an argument: sluice get workloads NAME',
  '-G': '-G asks for GPUs in run (as in sbatch); to see them: sluice get gpus',
  '-t': '-t is the time limit (as in sbatch) or the states (as in squeue); here --state chooses states, --timeout limits waiting',
  '-u': '-u filters by user (as in squeue), which is not supported in this release',
  '-l': '-l filters by labels, which is not supported in this release; -n chooses a queue, --state states',
  '-f': '-f follows a log: sluice logs -f X; to watch a list use -w',
  '--json': '--json is for submit and run; here use -o json',
};

/** What people of this field type for it elsewhere, and the words for it here. */
const COMMANDS_ELSEWHERE: Readonly<Record<string, string>> = {
  sbatch: 'submit',
  srun: 'run',
  salloc: 'alloc',
  scancel: 'cancel',
  squeue: 'get workloads',
  sacct: 'get workloads --all',
  sinfo: 'get nodes',
  apply: 'submit',
  create: 'submit',
  ps: 'get workloads',
  list: 'get workloads',
  status: 'get workloads',
  top: 'get gpus',
  drain: 'cordon',
};

/** The command line here for a command of another tool; null = it is none that we know. */
export function commandFor(word: string): string | null {
  return Object.hasOwn(COMMANDS_ELSEWHERE, word) ? `sluice ${COMMANDS_ELSEWHERE[word]}` : null;
}

/** The lesson for a flag that a command does not know; null = it means nothing in either dialect. */
export function lessonFor(command: string, flag: string): string | null {
  const lessons = CREATING.includes(command) ? CREATING_LESSONS : LOOKING.includes(command) ? LOOKING_LESSONS : {};
  const name = flag.startsWith('--') ? flag.replace(/=.*/s, '') : flag.slice(0, 2);
  return Object.hasOwn(lessons, name) ? (lessons[name] ?? null) : null;
}
