/** PyTorch beside Halftone: bench/torch_peer.py, started once, which measures the same cases by the same steps. */

import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type PeerWork, REPO } from './case';
import { withoutPaths } from './machine';
import type { HostCost, Method, Timing } from './measure';

export interface PeerRequest {
  /** The number of the CUDA device. */
  readonly device: number;
  readonly method: Method;
  readonly cases: readonly ({ readonly id: number } & PeerWork)[];
}

/** What came back. Never an error: where PyTorch is absent or fails, `unavailable` says why, and results may be missing. */
export interface PeerAnswer {
  readonly about?: Readonly<Record<string, unknown>>;
  readonly unavailable?: string;
  /** By the case's id. */
  readonly results: ReadonlyMap<number, Timing | { readonly error: string }>;
  readonly host?: HostCost | { readonly error: string };
}

interface Line {
  about?: Record<string, unknown>;
  unavailable?: string;
  id?: number;
  error?: string;
  host?: HostCost;
  done?: boolean;
}

export const PEER_SCRIPT = path.join(REPO, 'bench/torch_peer.py');

/** Runs `python script` on the request. What was answered before it fails or `seconds` are over is kept. */
export function runPeer(
  request: PeerRequest,
  { python = 'python3', script = PEER_SCRIPT, seconds = 480, env = process.env } = {},
): Promise<PeerAnswer> {
  return new Promise((resolve) => {
    const results = new Map<number, Timing | { error: string }>();
    const answer: { about?: object; unavailable?: string; host?: HostCost } = {};
    let done = false;
    let stderr = '';
    let late = false;
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'], env });
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, seconds * 1e3);

    const finish = (why?: string): void => {
      clearTimeout(timer);
      const reason = answer.unavailable ?? (done ? undefined : why);
      resolve({
        ...answer,
        results,
        ...(reason === undefined ? {} : { unavailable: withoutPaths(reason) }),
      } as PeerAnswer);
    };

    createInterface({ input: child.stdout }).on('line', (text) => {
      let line: Line;
      try {
        line = JSON.parse(text) as Line;
      } catch {
        return; // a library that prints
      }
      const { id, error, about, unavailable, host } = line;
      if (id !== undefined) {
        if (error === undefined) results.set(id, line as unknown as Timing);
        else results.set(id, { error: withoutPaths(error) });
      }
      if (about) answer.about = about;
      if (unavailable) answer.unavailable = unavailable;
      if (host) answer.host = host;
      if (line.done) done = true;
    });
    child.stderr.on('data', (chunk) => {
      stderr = `${stderr}${chunk}`.slice(-4000);
    });
    child.stdin.on('error', () => {}); // it ended before it read: 'close' tells why
    child.on('error', (error: NodeJS.ErrnoException) => {
      finish(error.code === 'ENOENT' ? `there is no ${path.basename(python)}` : error.message);
    });
    child.on('close', (code, signal) => {
      if (late) return finish(`stopped after ${seconds} s`);
      const last = stderr.trim().split('\n').at(-1);
      finish(last || `ended with ${signal ?? code} before it was done`);
    });
    child.stdin.end(JSON.stringify(request));
  });
}
