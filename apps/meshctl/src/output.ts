import { stripVTControlCharacters, styleText } from 'node:util';
import { CodedError } from '@sofamesh/base/errors';
import { stringify } from 'yaml';

export const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Where text goes; tests collect it. */
export interface Output {
  write(text: string): void;
}

type Style = Parameters<typeof styleText>[0];

/** Colour on a terminal, plain text elsewhere (NO_COLOR and FORCE_COLOR are heeded). */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'right';
  value(row: Row): string;
}

const gap = '  ';

/** Lines of a table whose columns are as wide as need be. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = [
    columns.map(({ title }) => paint('bold', title)),
    ...rows.map((row) => columns.map((column) => column.value(row))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => widthOf(line[at]!))));
  return cells.map((line) =>
    line
      .map((cell, at) => {
        const space = ' '.repeat(widths[at]! - widthOf(cell));
        return columns[at]!.align === 'right' ? space + cell : cell + space;
      })
      .join(gap)
      .trimEnd(),
  );
}

export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Prints data for machines, or the table that `table` makes of it. */
export function print(output: Output, format: OutputFormat, data: unknown, table: () => readonly string[]): void {
  if (format === 'json') output.write(`${JSON.stringify(data, null, 2)}\n`);
  else if (format === 'yaml') output.write(stringify(data));
  else for (const line of table()) output.write(`${line}\n`);
}

/** For commander: the value of `-o`. */
export function parseFormat(value: string): OutputFormat {
  const found = outputFormats.find((format) => format === value);
  if (found === undefined) {
    throw new CodedError('usage', `-o: ${JSON.stringify(value)}: must be one of ${outputFormats.join(', ')}`);
  }
  return found;
}
