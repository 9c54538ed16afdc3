import type { Ratio, Sample } from './figures.ts';
import type { Options } from './options.ts';

/** Of one proxy in one scenario. */
export interface ContenderResult {
  readonly name: string;
  /** Resident memory before any traffic. */
  readonly freshRssMb: number;
  readonly runs: readonly Sample[];
  readonly median: Sample;
  /** mosn over this one; of peers only. */
  readonly mosnRatio: Ratio | undefined;
  /** What went wrong in any run: errors that the load saw, a log that lacks lines. Its figures then mean nothing. */
  readonly faults: readonly string[];
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly contenders: readonly ContenderResult[];
  readonly aims: readonly AimResult[];
}

export interface SidecarRow {
  readonly name: string;
  /** Spawn to the first 200 of /ready. */
  readonly readyMs: readonly number[];
  readonly medianReadyMs: number;
  readonly rssMb: readonly number[];
  readonly medianRssMb: number;
  /** After HTTP load on 64 connections; undefined where there was none. */
  readonly loadedRssMb: number | undefined;
  readonly fault: string | undefined;
}

export interface SidecarResult {
  readonly rows: readonly SidecarRow[];
  readonly aims: readonly AimResult[];
}

export interface IdleRow {
  readonly proxy: string;
  /** Of the proxy's listener. */
  readonly mode: string;
  readonly connections: number;
  /** With a few connections open. */
  readonly freshRssMb: number;
  readonly rssMb: number;
  readonly kibEach: number;
  readonly fault: string | undefined;
}

export interface IdleResult {
  readonly rows: readonly IdleRow[];
  readonly aims: readonly AimResult[];
}

export interface AimResult {
  readonly text: string;
  /** NaN when the figure is missing. */
  readonly value: number;
  readonly max: number;
  readonly met: boolean;
}

export interface Results {
  readonly startedAt: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly options: Options;
  readonly scenarios: readonly ScenarioResult[];
  readonly idle: IdleResult | undefined;
  readonly sidecar: SidecarResult | undefined;
}

const faultLinesMax = 6;
const faultColumnsMax = 240;

/** What an error says, short enough to stand under a table. */
export function faultOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  const shown = lines.length > faultLinesMax ? [...lines.slice(0, 1), '…', ...lines.slice(2 - faultLinesMax)] : lines;
  return shown
    .map((line) => (line.length > faultColumnsMax ? `${line.slice(0, faultColumnsMax)} …` : line))
    .join('\n    ');
}
