const IPV4_PART = /^(?:0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9A-Fa-f]{1,4}$/;
const IPV6_GROUPS = 8;
const IPV6_CHARACTERS_MAX = 45;

/** 4 or 6 for an IP address in its textual form, without a zone; 0 for anything else. */
export function ipFamily(text: string): 0 | 4 | 6 {
  if (text.length > IPV6_CHARACTERS_MAX) return 0;
  if (isIpv4(text)) return 4;
  return isIpv6(text) ? 6 : 0;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255);
}

/** RFC 4291 §2.2: eight groups, one run of zeros shortened to ::, the last two groups perhaps as IPv4. */
function isIpv6(text: string): boolean {
  const [head, tail, ...more] = text.split('::');
  if (head === undefined || more.length > 0) return false;
  if (tail === undefined) return groupCount(head, true) === IPV6_GROUPS;
  const before = head === '' ? 0 : groupCount(head, false);
  const after = tail === '' ? 0 : groupCount(tail, true);
  return before + after < IPV6_GROUPS;
}

/** NaN if something in it is no group. */
function groupCount(text: string, mayEndInIpv4: boolean): number {
  const groups = text.split(':');
  let count = 0;
  for (const [index, group] of groups.entries()) {
    if (IPV6_GROUP.test(group)) count++;
    else if (mayEndInIpv4 && index === groups.length - 1 && isIpv4(group)) count += 2;
    else return Number.NaN;
  }
  return count;
}
