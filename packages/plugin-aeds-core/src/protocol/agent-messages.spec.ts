import { describe, expect, it } from 'vitest';
import { newTimedId } from '../identity/identifiers.js';
import {
  fittingReports,
  MAX_AGENT_BODY_BYTES,
  type Report,
  reportRequestSchema,
} from './agent-messages.js';

function reportsWith(message: string, count: number): readonly Report[] {
  return Array.from({ length: count }, () => ({
    ...{ jobId: newTimedId(Date.now()), state: 'failed' as const },
    ...{ code: 'DW_AEDS_FILE_IO', message },
  }));
}

describe('fittingReports', () => {
  it.each(['', 'x'.repeat(500), '\u{6587}'.repeat(500), '\u0001'.repeat(500)])(
    'makes requests that the server takes, until all are sent',
    (message) => {
      let left = reportsWith(message, 250);
      while (left.length > 0) {
        const reports = fittingReports(left);
        expect(reports.length).toBeGreaterThan(0);
        expect(reportRequestSchema.safeParse({ reports }).success).toBe(true);
        const body = JSON.stringify({ reports });
        expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_AGENT_BODY_BYTES);
        left = left.slice(reports.length);
      }
    },
  );
});
