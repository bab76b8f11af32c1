import fs from 'node:fs';
import type { RunRecord } from '../core/run-index.ts';
import { anchorOf, openIndex, readRecords } from './index-log.ts';
import { stateLayout } from './state-layout.ts';

/** Records of the index since the last look. */
export interface IndexPiece {
  readonly records: readonly RunRecord[];
  /** Another file stands there now: what was counted before is void. */
  readonly isFresh: boolean;
}

/** Each call of `read` goes on where the last one ended, a megabyte or so at a time. */
export interface IndexTail {
  readonly read: () => Iterable<IndexPiece>;
}

/** For one reader that counts everything once. `read` throws errors of the operating system. */
export function createIndexTail(stateDir: string): IndexTail {
  const { index } = stateLayout(stateDir);
  let through = 0;
  let anchor = '';
  return {
    read: function* read() {
      const fd = openIndex(index);
      if (fd === undefined) return;
      try {
        let isFresh = through === 0;
        if (!isFresh && (fs.fstatSync(fd).size < through || anchorOf(fd, through) !== anchor)) {
          through = 0;
          isFresh = true;
        }
        for (const piece of readRecords(fd, through)) {
          ({ through } = piece);
          anchor = anchorOf(fd, through);
          yield { records: piece.records, isFresh };
          isFresh = false;
        }
      } finally {
        fs.closeSync(fd);
      }
    },
  };
}
