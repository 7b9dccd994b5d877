// Original file: sluice/v1/workload.proto

import type { Long } from '@grpc/proto-loader';

export interface SubmittedWorkload {
  'number'?: (number | string | Long);
  'uid'?: (string);
  'name'?: (string);
}

export interface SubmittedWorkload__Output {
  'number': (number);
  'uid': (string);
  'name': (string);
}
