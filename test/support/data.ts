/** The test data that lies outside the repository: HALFTONE_TEST_DATA, default ../shared/data. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { REPO } from './repo';

/** The folder, whether it exists or not. */
export const DATA = path.resolve(REPO, process.env['HALFTONE_TEST_DATA'] ?? '../shared/data');

/**
 * `describe` for tests that need a file of the data folder. Without it they are reported as skipped, by name, and fail where
 * HALFTONE_REQUIRE_DATA=1.
 */
export function describeWithData(name: string, file: string, body: (path: string) => void): void {
  const full = path.join(DATA, file);
  if (existsSync(full)) {
    describe(name, () => body(full));
  } else if (process.env['HALFTONE_REQUIRE_DATA'] === '1') {
    it(name, () => {
      throw new Error(`${full} is missing and HALFTONE_REQUIRE_DATA=1`);
    });
  } else {
    describe.skip(`${name} (no ${full}; set HALFTONE_TEST_DATA)`, () => {
      it('needs the data folder', () => {});
    });
  }
}
