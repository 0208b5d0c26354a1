import { describe, expect, it } from 'vitest';
import { PluginLife } from './plugin-life.js';

describe('PluginLife', () => {
  it('goes from found over initialized and running to stopped', () => {
    const life = new PluginLife();
    const seen = [life.isAlive];
    for (const state of ['initialized', 'running', 'stopped'] as const) {
      life.moveTo(state);
      seen.push(life.isAlive);
    }
    expect(seen).toEqual([false, true, true, false]);
    expect(life.isOver).toBe(true);
  });

  it('refuses every other move', () => {
    const life = new PluginLife();
    expect(() => life.moveTo('running')).toThrow(TypeError);
    life.moveTo('failed');
    expect(() => life.moveTo('stopped')).toThrow('A plugin cannot go from failed to stopped');
    expect(life.state).toBe('failed');
  });
});
