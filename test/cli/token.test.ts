// Tokens: the secret is handed over once, its digest is what the scheduler reads.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashToken } from '../../common/token.js';
import { cli, temporaryFolder } from './run-cli.js';

describe('sluice token create', () => {
  it('prints the token and adds its digest to the file', async () => {
    const file = path.join(temporaryFolder(), 'tokens');
    const first = await cli(['token', 'create', 'alice', '--add-to', file]);
    const second = await cli(['token', 'create', 'bob', '--add-to', file, '--role', 'admin']);
    expect(readFileSync(file, 'utf8')).toBe(
      `${hashToken(first.stdout.trim())} alice user\n${hashToken(second.stdout.trim())} bob admin\n`,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes an agent its token into a file of its own, and never over another', async () => {
    const folder = temporaryFolder();
    const [file, out] = [path.join(folder, 'agent-tokens'), path.join(folder, 'n1.token')];
    const made = await cli(['token', 'create', 'n1', '--agent', '--add-to', file, '--out', out]);
    expect(made.stdout).toBe('');
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, 'utf8');
    expect(before).toBe(`${hashToken(readFileSync(out, 'utf8').trim())} n1\n`);
    const again = await cli(['token', 'create', 'n1', '--agent', '--add-to', file, '--out', out]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('EEXIST');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it.each([
    [['create', 'a b', '--add-to', 'x'], '"a b" is no name of a user'],
    [['create', 'Node_1', '--agent', '--add-to', 'x'], '"Node_1" is no name of a node'],
    [['create', 'n1', '--agent', '--role', 'admin', '--add-to', 'x'], 'an agent has no role'],
    [['create', 'alice', '--role', 'king', '--add-to', 'x'], 'unknown role "king"'],
  ])('refuses %j', async (words, message) => {
    const { code, stderr } = await cli(['token', ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
