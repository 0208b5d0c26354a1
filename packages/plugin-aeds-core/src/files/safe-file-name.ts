import { aedsError } from '../errors/aeds-errors.js';

/** Most bytes of a name on every common file system. */
const maxNameBytes = 255;

/** Names that Windows gives to devices, with any extension. */
const deviceName = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\..*)?$/i;

/** Separators, the stream mark of NTFS, and characters that control or turn text. */
const forbidden = /[/\\:\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** Says what makes a name unfit as a file's name; `undefined` where nothing does. */
export function fileNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (!name.isWellFormed()) return 'it is not well-formed Unicode';
  if (Buffer.byteLength(name) > maxNameBytes) return `it is longer than ${maxNameBytes} bytes`;
  if (forbidden.test(name)) return 'it holds a separator or a control character';
  if (name.startsWith('.')) return 'it starts with a dot';
  if (name.endsWith('.') || name.startsWith(' ') || name.endsWith(' ')) {
    return 'it starts or ends with a blank, or ends with a dot';
  }
  if (deviceName.test(name)) return 'it is the name of a device';
  return undefined;
}

/** Refuses a name that is not a plain file name, wherever it came from. */
export function assertSafeFileName(name: string): void {
  const problem = fileNameProblem(name);
  if (problem !== undefined) {
    throw aedsError('DW_AEDS_FILE_NAME_UNSAFE', {
      message: `The name cannot be used for a file: ${problem}`,
      details: { name: name.slice(0, 300) },
    });
  }
}
