import type { JsonFields } from './json-fields.ts';

/** What concerns the process and not its traffic, at the top of the file. */
export function ignoreProcessSettings(root: JsonFields): void {
  root.ignore('tracing', 'no spans are made');
  root.ignore('inherit_old_mosnconfig', 'there is no hot upgrade');
  root.ignore('pprof', 'Node has tools of its own: node --cpu-prof');
  root.ignore('pid', 'no file is written');
  root.ignore('uds_dir', 'there is no hot upgrade');
  root.ignore('plugin', 'there are no child processes');
  root.ignore('third_part_codec', 'code compiled for MOSN cannot be loaded');
  root.ignore('wasm_global_plugins', 'no filter would load them');
  // Said by both: there is nothing to upgrade from.
  for (const name of ['disable_upgrade', 'close_graceful']) root.value(name);
  for (const extend of root.objects('extends')) {
    extend.warn('type', 'has no effect: it configures a part of MOSN that this proxy does not have');
    extend.value('config');
    extend.end('an extension');
  }
}

/** The same for a server. */
export function ignoreServerSettings(server: JsonFields): void {
  server.ignore('mosn_server_name', 'nothing is named after it');
  server.ignore('default_log_path', 'the log goes to standard error; say --log-path FILE');
  server.ignore('default_log_level', 'say --log-level');
  server.ignore('global_log_roller', 'logs are opened again by SIGUSR1, after somebody else has renamed them');
  server.ignore('use_netpoll_mode', 'there is one way of doing it');
  server.ignore('graceful_timeout', 'say --drain-time-s');
  if (server.value('processor') !== 'auto') server.ignore('processor', 'say --concurrency');
}
