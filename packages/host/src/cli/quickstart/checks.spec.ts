import { describe, expect, it } from 'vitest';
import { Checks, checkNames } from './checks.js';

describe('Checks', () => {
  it('counts what was never checked as failed', () => {
    const checks = new Checks();
    for (const name of checkNames.slice(1)) checks.record(name, []);
    expect(checks.allHeld).toBe(false);
    expect(checks.byName).toMatchObject({ nodesKnowOneAnother: false, everyFileStored: true });
  });

  it('holds when every check held', () => {
    const checks = new Checks();
    for (const name of checkNames) checks.record(name, []);
    expect(checks.allHeld).toBe(true);
  });

  it('names the check that a problem spoke against', () => {
    const checks = new Checks();
    checks.record('node3CaughtUp', ['3 entries are missing']);
    expect(checks.problems).toEqual(['node3CaughtUp: 3 entries are missing']);
    expect(checks.byName.node3CaughtUp).toBe(false);
  });
});
