import { parseLogLevel } from '../argv.ts';
import { type LogLevels, logComponents } from '../lifecycle/program-log.ts';
import type { ServerState } from '../lifecycle/server-state.ts';
import { type AdminPage, isSet, ok, parametersOf, text } from './page.ts';

/** What an operator can make the process do. */
export interface Controls {
  readonly state: ServerState;
  /** Starts the graceful end; returns at once. */
  readonly quit: () => void;
  /** Removes listeners; their connections may end in their own time. */
  readonly drainListeners: (inboundOnly: boolean) => Promise<void>;
  readonly logLevels: () => LogLevels;
  readonly setLogLevels: (levels: LogLevels) => Promise<void>;
  readonly reopenLogs: () => Promise<void>;
}

export function controlPages(controls: Controls): AdminPage[] {
  const { state } = controls;
  return [
    {
      path: '/quitquitquit',
      help: 'drain, then end the process',
      mutates: true,
      answer: () => {
        controls.quit();
        return ok();
      },
    },
    {
      path: '/drain_listeners',
      help: 'stop accepting; connections may end in their own time; ?inboundonly&graceful',
      mutates: true,
      answer: async (request) => {
        await controls.drainListeners(isSet(parametersOf(request), 'inboundonly'));
        return ok();
      },
    },
    {
      path: '/healthcheck/fail',
      help: 'let /ready say DRAINING',
      mutates: true,
      answer: () => {
        state.failHealthChecks(true);
        return ok();
      },
    },
    {
      path: '/healthcheck/ok',
      help: 'undo /healthcheck/fail',
      mutates: true,
      answer: () => {
        state.failHealthChecks(false);
        return ok();
      },
    },
    {
      path: '/reopen_logs',
      help: 'open the log files anew, after a rotation',
      mutates: true,
      answer: async () => {
        await controls.reopenLogs();
        return ok();
      },
    },
    {
      path: '/logging',
      help: 'log levels; ?level=LEVEL, ?paths=COMPONENT:LEVEL,…, ?COMPONENT=LEVEL',
      mutates: true,
      answer: async (request) => {
        const changed = changeLevels(controls.logLevels(), parametersOf(request));
        if (typeof changed === 'string') return text(`error: ${changed}\n`, 400);
        await controls.setLogLevels(changed);
        return text(levelLines(changed));
      },
    },
  ];
}

/** The levels after the request, or what is wrong with it. */
function changeLevels(levels: LogLevels, parameters: URLSearchParams): LogLevels | string {
  let result = levels;
  for (const [name, value] of parameters) {
    if (name === 'level') {
      const level = parseLogLevel(value);
      if (level === undefined) return `unknown level ${JSON.stringify(value)}`;
      result = { level, components: {} };
      continue;
    }
    const settings = name === 'paths' ? value.split(',').map((part) => part.split(':')) : [[name, value]];
    for (const [component = '', word = ''] of settings) {
      const level = parseLogLevel(word);
      if (!logComponents.some((known) => known === component)) return `unknown component ${JSON.stringify(component)}`;
      if (level === undefined) return `unknown level ${JSON.stringify(word)}`;
      result = { ...result, components: { ...result.components, [component]: level } };
    }
  }
  return result;
}

function levelLines({ level, components }: LogLevels): string {
  return `active loggers:\n${logComponents.map((name) => `  ${name}: ${components[name] ?? level}\n`).join('')}\n`;
}
