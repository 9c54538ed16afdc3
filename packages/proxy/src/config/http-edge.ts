import type { FilterConfig, LogFormatConfig } from './extension.ts';
import type { LogFilterConfig } from './log-filter.ts';
import type { HeaderMutation } from './route.ts';

/** Parts of an HTTP connection manager's configuration: whom it believes, and what it makes of requests and answers. */

/** A way to find out who the client is when the connection's address does not say (original_ip_detection_extensions). */
export type ClientDetectionConfig =
  /** The address so many places from the right of X-Forwarded-For, counted from 0. */
  | { readonly kind: 'xff'; readonly trustedHops: number }
  | {
      readonly kind: 'header';
      /** Lower case. */
      readonly header: string;
      readonly trusted: boolean;
      /** Status for requests without a readable address; undefined: they go on with the connection's. */
      readonly rejectStatus: number | undefined;
    };

/** What happens with X-Forwarded-Client-Cert, Envoy's words; `sanitize` is the default. */
export interface ClientCertificateConfig {
  readonly mode: 'sanitize' | 'forward-only' | 'append-forward' | 'sanitize-set' | 'always-forward-only';
  readonly subject: boolean;
  readonly certificate: boolean;
  readonly chain: boolean;
  readonly dns: boolean;
  readonly uri: boolean;
}

/** A protocol that clients may switch to. `filters`: a chain of its own for such requests. */
export interface UpgradeConfig {
  /** Lower case: `websocket`, `connect`. */
  readonly type: string;
  readonly enabled: boolean;
  readonly filters: readonly FilterConfig[] | undefined;
}

/** `proxy_status_config`: answers of a proxy that failed say so in `proxy-status`. */
export interface ProxyStatusConfig {
  /** What this proxy is called there. */
  readonly name: string;
  readonly showsDetails: boolean;
  readonly showsFlags: boolean;
  /** The status becomes the one that RFC 9209 recommends. */
  readonly setsStatus: boolean;
}

/** `local_reply_config`: answers of the proxy's own are changed before they go out. */
export interface LocalRepliesConfig {
  /** The first whose filter matches changes the reply. */
  readonly mappers: readonly LocalReplyMapperConfig[];
  /** Undefined: the text as it is. */
  readonly body: BodyFormatConfig | undefined;
}

export interface LocalReplyMapperConfig {
  readonly filter: LogFilterConfig;
  readonly status: number | undefined;
  readonly body: string | undefined;
  readonly format: BodyFormatConfig | undefined;
  readonly headers: HeaderMutation['add'];
}

export interface BodyFormatConfig {
  readonly format: LogFormatConfig;
  /** Empty: text/plain or application/json, as the format is. */
  readonly contentType: string;
}
