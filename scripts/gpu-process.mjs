// Starts the programs of the GPU suite (gpu-suite.mjs), each within a limit of time.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The largest text that is kept of one program: the end of it, where the errors are. */
const MAX_TEXT = 4 << 20;

/** Seconds that a program may take to end once its work is done. */
const TO_END = 30;

/**
 * All that a process has started, from /proc. A group of its own would be simpler, but takes a session of its own in Node, which
 * lives on where the suite itself is ended.
 */
function descendants(pid) {
  const parents = new Map();
  for (const name of existsSync('/proc') ? readdirSync('/proc') : []) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // `1234 (name, with anything) S 1 ...`
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(text.slice(text.lastIndexOf(')') + 4).split(' ')[0]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [pid];
  for (const one of found) for (const [child, of] of parents) if (of === one) found.push(child);
  return found.slice(1);
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

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
      for (const pid of [child.pid, ...descendants(child.pid)]) kill(pid);
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
