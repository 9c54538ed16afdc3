import { messageOf } from '@sofamesh/base/errors';
import { compileRe2 } from '@sofamesh/proxy/route/string-match';
import type { StatsAggregate } from '@sofamesh/telemetry/metrics/aggregate';
import { renderPrometheus } from '@sofamesh/telemetry/metrics/prometheus';
import { renderStatsJson, renderStatsText, type StatsQuery } from '@sofamesh/telemetry/metrics/text';
import { type AdminPage, type AdminReply, type AdminRequest, isSet, ok, text } from './page.ts';

/** `refresh` brings gauges up to date that are only kept for those who look. */
export function statsPages(stats: StatsAggregate, refresh: () => void): AdminPage[] {
  const answer = (
    render: (stats: StatsAggregate, query: StatsQuery) => string,
    { query }: AdminRequest,
  ): AdminReply => {
    const pattern = query.get('filter');
    let filter: StatsQuery['filter'];
    try {
      if (pattern !== null && pattern !== '') filter = compileRe2(pattern, 'filter');
    } catch (thrown) {
      return text(`Invalid re2 regex: ${messageOf(thrown)}\n`, 400);
    }
    refresh();
    const usedOnly = isSet(query, 'usedonly');
    const detailed = query.get('histogram_buckets') === 'detailed';
    return text(render(stats, { usedOnly, detailed, ...(filter !== undefined && { filter }) }));
  };
  const asJson = (reply: AdminReply): AdminReply => ({
    ...reply,
    headers: { ...reply.headers, ...(reply.status === 200 && { 'content-type': 'application/json' }) },
  });
  return [
    {
      path: '/stats',
      help: 'statistics; ?filter=REGEX&usedonly&format=json|prometheus&histogram_buckets=detailed',
      answer: (request) => {
        const format = request.query.get('format');
        if (format === null || format === 'text') return answer(renderStatsText, request);
        if (format === 'json') return asJson(answer(renderStatsJson, request));
        if (format === 'prometheus') return answer(renderPrometheus, request);
        return text('usage: /stats?format=text|json|prometheus\n', 400);
      },
    },
    {
      path: '/stats/prometheus',
      help: 'statistics for Prometheus; ?filter=REGEX&usedonly',
      answer: (request) => answer(renderPrometheus, request),
    },
    {
      path: '/reset_counters',
      help: 'set all counters to zero',
      mutates: true,
      answer: () => {
        stats.resetCounters();
        return ok();
      },
    },
  ];
}
