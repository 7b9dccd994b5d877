// Original file: sluice/v1/notice.proto


export interface SendTestNoticeRequest {
  /**
   * `https://…` or `mailto:…`, as in the rule of a workload.
   */
  'to'?: (string);
}

export interface SendTestNoticeRequest__Output {
  /**
   * `https://…` or `mailto:…`, as in the rule of a workload.
   */
  'to': (string);
}
