type Cell = string | number | boolean | undefined;

/** A row of a table by column. */
export type TableRow = Readonly<Record<string, Cell>>;

/** Draws aligned columns, numbers to the right; the keys of the first row are the heads. */
export function drawTable(rows: readonly TableRow[]): readonly string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const columns = Object.keys(first).map((head) => column(head, rows));
  const lines = ['', ...rows].map((_, index) => columns.map((cells) => cells[index]).join('  '));
  return lines.map((line) => line.trimEnd());
}

/** The head and every cell of a column, padded to one width. */
function column(head: string, rows: readonly TableRow[]): readonly string[] {
  const values = rows.map((row) => row[head]);
  const isNumeric =
    values.some((value) => typeof value === 'number') &&
    values.every((value) => value === undefined || typeof value === 'number');
  const texts = [headText(head), ...values.map(cellText)];
  const width = texts.reduce((widest, text) => Math.max(widest, text.length), 0);
  return texts.map((text) => (isNumeric ? text.padStart(width) : text.padEnd(width)));
}

/** A head of several words in one, `maxQueueDepth`, is a name that people must type. */
function headText(head: string): string {
  return head === head.toLowerCase() ? head.toUpperCase() : head;
}

function cellText(value: Cell): string {
  if (value === undefined) return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  // A line break or an escape sequence in a name must not break the table or the terminal.
  return String(value).replace(/\p{Cc}/gu, '\u{fffd}');
}
