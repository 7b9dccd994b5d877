// Generates the TypeScript types of every .proto into proto/gen with @grpc/proto-loader's generator.
// With --check it only says whether the committed types are current (exit 1 when not).
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const committed = path.join(root, 'gen');
const loader = path.dirname(createRequire(import.meta.url).resolve('@grpc/proto-loader/package.json'));
const generator = path.join(loader, 'build/bin/proto-loader-gen-types.js');

const files = (folder, suffix) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(suffix))
    .toSorted();

// google/rpc is read at run time only (common/errors.ts).
const protos = files(root, '.proto').filter((name) => !name.startsWith('google/'));
const fresh = mkdtempSync(path.join(tmpdir(), 'sluice-gen-'));
// The options must match LOADER_OPTIONS in common/proto.ts.
// Paths are relative to proto/: they end up in comments of what is generated, which must not depend on where this lies.
execFileSync(
  process.execPath,
  [generator, ...protos, '--longs=Number', '--enums=String', '--defaults', '--oneofs', '--includeComments']
    .concat(['--grpcLib=@grpc/grpc-js', '--importFileExtension=.js', `--outDir=${fresh}`, '--includeDirs=.'])
    .map(String),
  { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
);

if (process.argv.includes('--check')) {
  const differing = new Set(files(fresh, '.ts').concat(files(committed, '.ts')));
  for (const name of differing) {
    if (read(fresh, name) === read(committed, name)) differing.delete(name);
  }
  rmSync(fresh, { recursive: true });
  if (differing.size > 0) {
    console.error(`proto/gen is not current (run "npm run gen"):\n  ${[...differing].join('\n  ')}`);
    process.exit(1);
  }
  console.log(`proto/gen is current: ${protos.length} proto files`);
} else {
  rmSync(committed, { recursive: true, force: true });
  cpSync(fresh, committed, { recursive: true });
  rmSync(fresh, { recursive: true });
}

function read(folder, name) {
  try {
    return readFileSync(path.join(folder, name), 'utf8');
  } catch {
    return null;
  }
}
