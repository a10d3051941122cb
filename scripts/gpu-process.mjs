// Starts the programs of the GPU suite (gpu-suite.mjs), each within a limit of time.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The largest text that is kept of one program: the end of it, where the errors are. */
const MAX_TEXT = 4 << 20;

/** Seconds that a program may take to end once its work is done. */
const TO_END = 30;

/**
 * Runs node with `args` (behind `wrapper`), shows its output, and keeps it. Ends it after `seconds`, or when it goes on although
 * `done` has said that its work is: a thread that hangs in a driver keeps a process from ending.
 */
export function runNode(
  args,
  { env = {}, wrapper = [], seconds, quiet = false, done = () => false, toEnd = TO_END },
) {
  const command = [...wrapper, process.execPath, ...args];
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that a step which takes too long ends with all that it started.
      detached: true,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (more) => {
        if (!quiet) process.stdout.write(more);
        text = (text + more).slice(-MAX_TEXT);
      });
    }
    let why;
    const end = (reason) => {
      if (why !== undefined || child.pid === undefined) return;
      why = reason;
      process.kill(-child.pid, 'SIGKILL');
    };
    const timer = setTimeout(() => end(`ended after ${Math.round(seconds)} s`), seconds * 1000);
    let since;
    const watch = setInterval(() => {
      if (!done()) return;
      since ??= performance.now();
      if (performance.now() - since > toEnd * 1000)
        end(`its work is done, but it does not end: stopped ${toEnd} s later`);
    }, 500);
    child.on('error', ({ message }) => {
      text += message;
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      clearInterval(watch);
      if (why !== undefined) text += `\n${why}`;
      resolve({ code: why === undefined ? (code ?? 1) : 124, text });
    });
  });
}
