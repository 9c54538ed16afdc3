export type { Clock, Timer } from '@sofamesh/base/clock';
