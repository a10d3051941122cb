import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** The repository's root; compiled tests lie in dist/test/support. */
export const REPO = path.resolve(__dirname, '../../..');

/** Every file below a folder of the repository, as paths from its root with '/', sorted. */
export function filesBelow(folder: string): string[] {
  const start = path.join(REPO, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(REPO, path.join(entry.parentPath, entry.name)))
    .map((name) => name.split(path.sep).join('/'))
    .sort();
}
