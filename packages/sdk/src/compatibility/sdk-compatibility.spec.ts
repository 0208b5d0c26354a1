import { describe, expect, it } from 'vitest';
import { compatibilityOf } from './compatibility-stamp.js';
import { SdkCompatibility } from './sdk-compatibility.js';

@SdkCompatibility('6.0.0')
class Plain {}

@SdkCompatibility('6.1.0', {
  deprecatedVersion: '6.3.0',
  replacementType: 'Plain',
  notes: 'Was too slow.',
})
class Deprecated {}

class Inheriting extends Plain {}

@SdkCompatibility('6.2.0')
class Restamped extends Plain {}

class Unstamped {
  readonly name = 'unstamped';
}

describe('SdkCompatibility', () => {
  it('stamps a class so that the stamp can be read back', () => {
    expect(compatibilityOf(Plain)).toEqual({ introducedVersion: '6.0.0' });
    expect(compatibilityOf(Deprecated)).toEqual({
      introducedVersion: '6.1.0',
      deprecatedVersion: '6.3.0',
      replacementType: 'Plain',
      notes: 'Was too slow.',
    });
  });

  it('gives stamps that cannot be changed', () => {
    expect(Object.isFrozen(compatibilityOf(Plain))).toBe(true);
  });

  it('passes a stamp on to subclasses without one of their own', () => {
    expect(compatibilityOf(Inheriting)).toEqual({ introducedVersion: '6.0.0' });
    expect(compatibilityOf(Restamped)).toEqual({ introducedVersion: '6.2.0' });
    expect(compatibilityOf(Plain)).toEqual({ introducedVersion: '6.0.0' });
  });

  it('says nothing of a class without a stamp', () => {
    expect(compatibilityOf(Unstamped)).toBeUndefined();
  });

  it.each(['6', '6.0', 'six', '', '^6.0.0'])('refuses the version %j', (version) => {
    expect(() => {
      SdkCompatibility(version)(Unstamped);
    }).toThrow(TypeError);
    expect(() => {
      SdkCompatibility('6.0.0', { deprecatedVersion: version })(Unstamped);
    }).toThrow(TypeError);
  });
});
