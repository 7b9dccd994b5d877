/* A stand-in for libnvidia-ml.so: three GPUs, of which one is lost and one tells little. FAKE_NVML=hang|no-driver changes it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { uint32_t gpu, memory; } utilization;
typedef struct { uint64_t total, free, used; } memory;
typedef struct { uint32_t version; uint64_t total, reserved, free, used; } memory_v2;

static int is(const char *what) {
  const char *mode = getenv("FAKE_NVML");
  return mode != NULL && strcmp(mode, what) == 0;
}

int nvmlInit_v2(void) { return is("no-driver") ? 9 : 0; }
int nvmlDeviceGetCount_v2(uint32_t *count) {
  if (is("hang")) for (;;) pause();
  *count = 3;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(uint32_t index, void **device) {
  if (index == 1) return 15;
  *device = (void *)(uintptr_t)(index + 1);
  return 0;
}
int nvmlDeviceGetUUID(void *device, char *uuid, uint32_t length) {
  strncpy(uuid, "GPU-5a1e0000-0000-4000-8000-000000000000", length);
  uuid[39] = '0' + (uintptr_t)device - 1;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, utilization *rates) {
  if ((uintptr_t)device == 3) return 3;
  rates->gpu = 87;
  return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, memory *found) {
  (void)device;
  found->used = 700ull << 20;
  return 0;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, memory_v2 *found) {
  if ((uintptr_t)device == 3 || found->version != (sizeof(memory_v2) | (2u << 24))) return 3;
  found->used = 12345ull << 20;
  return 0;
}
int nvmlDeviceGetTemperature(void *device, int sensor, uint32_t *celsius) {
  (void)device;
  *celsius = sensor == 0 ? 61 : 0;
  return 0;
}
int nvmlDeviceGetPowerUsage(void *device, uint32_t *milliwatts) {
  if ((uintptr_t)device == 3) return 3;
  *milliwatts = 512750;
  return 0;
}
