import { isIPv6 } from 'node:net';
import { formatAddress, type IpAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { libc } from './libc.ts';
import { AF_INET, AF_INET6, encodeSocketAddress } from './socket-bytes.ts';

// Linux: <bits/socket.h>, <asm-generic/socket.h>, <linux/in.h>, <linux/in6.h>.
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SOL_IP = 0;
const IP_TRANSPARENT = 19;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_TRANSPARENT = 75;

/**
 * A bound TCP socket that takes connections to any address which the system diverts to it (TPROXY). Gives its file
 * descriptor, which the caller owns. Throws a CodedError with the system's code, `EPERM` without CAP_NET_ADMIN.
 */
export function bindTransparent(address: IpAddress, reusePort: boolean): number {
  const system = libc();
  const v6 = isIPv6(address.host);
  const fd = system.socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const must = (what: string, result: number) => {
    if (result >= 0) return;
    const code = system.failure();
    if (fd >= 0) system.close(fd);
    throw new CodedError(code, `${what} ${code} ${formatAddress(address)}`);
  };
  must('socket', fd);
  must('setsockopt SO_REUSEADDR', system.setNumber(fd, SOL_SOCKET, SO_REUSEADDR, 1));
  if (reusePort) must('setsockopt SO_REUSEPORT', system.setNumber(fd, SOL_SOCKET, SO_REUSEPORT, 1));
  if (v6) {
    must('setsockopt IPV6_V6ONLY', system.setNumber(fd, SOL_IPV6, IPV6_V6ONLY, 1));
    must('setsockopt IPV6_TRANSPARENT', system.setNumber(fd, SOL_IPV6, IPV6_TRANSPARENT, 1));
  } else {
    must('setsockopt IP_TRANSPARENT', system.setNumber(fd, SOL_IP, IP_TRANSPARENT, 1));
  }
  const bytes = encodeSocketAddress(address);
  must('bind', system.bind(fd, bytes, bytes.length));
  return fd;
}
