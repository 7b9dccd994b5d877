// Original file: sluice/v1/exec.proto


export interface Attach {
}

export interface Attach__Output {
}
