#!/usr/bin/env node
// The command `sluice`. It only starts the built program, which `npm install` and every npm script build.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  console.error('error: sluice is not built yet\nRun "npm install" or "npm run build" in its folder first.');
  process.exit(2);
}
await import(main.href);
