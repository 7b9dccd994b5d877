// Original file: sluice/v1/workload.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

/**
 * A notice ahead of the stop signal: to every process of every task that catches this signal or waits for it. One that does
 * neither is not sent it, since it would end by it.
 */
export interface EarlySignal {
  /**
   * SIGHUP, SIGINT, SIGQUIT, SIGUSR1 or SIGUSR2; the three letters may be left out.
   */
  'signal'?: (string);
  /**
   * So long before the stop signal. Together with the grace it is capped by the cluster, and by the queue that takes back what
   * it is guaranteed.
   */
  'ahead'?: (_google_protobuf_Duration | null);
}

/**
 * A notice ahead of the stop signal: to every process of every task that catches this signal or waits for it. One that does
 * neither is not sent it, since it would end by it.
 */
export interface EarlySignal__Output {
  /**
   * SIGHUP, SIGINT, SIGQUIT, SIGUSR1 or SIGUSR2; the three letters may be left out.
   */
  'signal': (string);
  /**
   * So long before the stop signal. Together with the grace it is capped by the cluster, and by the queue that takes back what
   * it is guaranteed.
   */
  'ahead': (_google_protobuf_Duration__Output | null);
}
