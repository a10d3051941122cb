import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ParamError } from '../../lib/errors';
import { writeWhole } from '../../lib/io/write';
import { REPO } from '../support/repo';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-write-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);
const write = (file: string, text: string, signal?: AbortSignal) =>
  writeWhole(file, signal, (handle) => handle.writeFile(text));

describe('writeWhole', () => {
  test('makes and replaces a file; a replaced one keeps its mode', async () => {
    await write(at('a'), 'one');
    chmodSync(at('a'), 0o600);
    await write(at('a'), 'two');
    expect(readFileSync(at('a'), 'utf8')).toBe('two');
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('a link stays one', async () => {
    writeFileSync(at('a'), 'one');
    symlinkSync('a', at('b'));
    await write(at('b'), 'two');
    expect(lstatSync(at('b')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('a'), 'utf8')).toBe('two');
  });

  test('a pipe is written to and stays one', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const read = readFile(at('pipe'), 'utf8');
    await write(at('pipe'), 'text');
    expect(await read).toBe('text');
    expect(statSync(at('pipe')).isFIFO()).toBe(true);
    expect(readdirSync(folder)).toEqual(['pipe']);
  });

  test('after an error the file is what it was, and nothing else is left', async () => {
    writeFileSync(at('a'), 'one');
    const full = Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC', syscall: 'write' });
    const failing = (error: unknown) =>
      writeWhole(at('a'), undefined, async (handle) => {
        await handle.writeFile('half of');
        throw error;
      });
    await expect(failing(full)).rejects.toMatchObject({
      code: 'ENOSPC',
      message: `${at('a')} cannot be written: the disk is full`,
      cause: full,
    });
    // What is no matter of this file stays as it is.
    const own = new ParamError('own');
    await expect(failing(own)).rejects.toBe(own);
    const read = Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'read' });
    await expect(failing(read)).rejects.toBe(read);
    await expect(write(at('a'), 'two', AbortSignal.abort(own))).rejects.toBe(own);
    expect(readFileSync(at('a'), 'utf8')).toBe('one');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('process.exit() in the midst of it leaves nothing', () => {
    const script = `
      const { writeWhole } = require(${JSON.stringify(path.join(REPO, 'dist/lib/io/write.js'))});
      writeWhole(${JSON.stringify(at('a'))}, undefined, async (handle) => {
        await handle.writeFile('half of');
        console.log(require('node:fs').readdirSync(${JSON.stringify(folder)}).length);
        process.exit(3);
      });`;
    const { status, stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 3, stdout: '1\n' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('says why a file cannot be made, by its own name', async () => {
    const reasons: readonly [string, string, string][] = [
      ['none/a', 'ENOENT', 'there is no such folder'],
      ['file/a', 'ENOTDIR', 'a part of its path is no folder'],
      ['folder', 'EISDIR', 'it is a folder'],
      ['x'.repeat(300), 'ENAMETOOLONG', 'its name is too long'],
    ];
    writeFileSync(at('file'), '');
    mkdirSync(at('folder'));
    for (const [name, code, why] of reasons) {
      await expect(write(at(name), 'text')).rejects.toMatchObject({
        code,
        path: at(name),
        message: `${at(name)} cannot be written: ${why}`,
      });
    }
    expect(readdirSync(folder)).toEqual(['file', 'folder']);
  });
});
