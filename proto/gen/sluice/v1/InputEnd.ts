// Original file: sluice/v1/exec.proto


export interface InputEnd {
}

export interface InputEnd__Output {
}
