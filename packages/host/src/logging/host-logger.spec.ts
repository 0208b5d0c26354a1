import { DwError } from '@datawarehouse/sdk';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHostLogger } from './host-logger.js';

function record(level: 'info' | 'silent', format: 'json' | 'pretty') {
  const lines: string[] = [];
  const logger = createHostLogger({ level, format }, { write: (line) => void lines.push(line) });
  return { logger, lines };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('createHostLogger', () => {
  it('writes a line of JSON with the level by name, and errors with code and hint', () => {
    const { logger, lines } = record('info', 'json');
    const error = new DwError('DW_TEST', 'broken', { hint: 'mend it' });
    logger.child({ plugin: 'a' }).error({ error }, 'it failed');
    logger.debug('unheard');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      plugin: 'a',
      msg: 'it failed',
      error: { code: 'DW_TEST', message: 'broken', hint: 'mend it' },
    });
  });

  it('writes no secrets', () => {
    const { logger, lines } = record('info', 'json');
    logger.info(
      { token: 'T', http: { token: 'T' }, request: { headers: { authorization: 'T' } } },
      'started',
    );
    logger.info({ configuration: { cluster: { secret: 'T', peers: [] } } }, 'started');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).toContain('[redacted]');
      expect(line).not.toContain('"T"');
    }
  });

  it('paints on a terminal, unless NO_COLOR says otherwise', () => {
    const { isTTY } = process.stderr;
    process.stderr.isTTY = true;
    try {
      for (const [noColor, isPainted] of [
        ['', true],
        ['1', false],
      ] as const) {
        vi.stubEnv('NO_COLOR', noColor);
        const { logger, lines } = record('info', 'pretty');
        logger.info('hello');
        expect(lines.join('').includes('\u001b[')).toBe(isPainted);
      }
    } finally {
      process.stderr.isTTY = isTTY;
    }
  });

  it('writes for people, or nothing', () => {
    const people = record('info', 'pretty');
    people.logger.warn({ plugin: 'a' }, 'look out');
    expect(people.lines.join('')).toMatch(/WARN.*look out/);
    expect(people.lines.join('')).not.toContain('{"');
    const nobody = record('silent', 'json');
    nobody.logger.error('unheard');
    expect(nobody.lines).toEqual([]);
  });
});
