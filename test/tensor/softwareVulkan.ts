/** A Vulkan device without a GPU, for testing WebGPU: Debian's lavapipe behind test/fixtures/softwareVulkan.c. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const lavapipe = '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so';

/** Points this process' Vulkan loader at the device; or why there is none. */
export function useSoftwareVulkan(): { usable: true } | { usable: false; reason: string } {
  if (!existsSync(lavapipe)) return { usable: false, reason: `no ${lavapipe}; apt-get install mesa-vulkan-drivers` };
  const folder = mkdtempSync(join(tmpdir(), 'vulkan-'));
  const library = join(folder, 'driver.so');
  try {
    execFileSync('gcc', ['-shared', '-fPIC', '-o', library, 'test/fixtures/softwareVulkan.c', '-ldl'], {
      stdio: 'pipe',
    });
  } catch (error) {
    return {
      usable: false,
      reason: `cannot build the driver (apt-get install gcc libvulkan-dev): ${(error as Error).message}`,
    };
  }
  const manifest = join(folder, 'driver.json');
  writeFileSync(
    manifest,
    JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.3.0' } }),
  );
  process.env['LAVAPIPE'] = lavapipe;
  process.env['VK_DRIVER_FILES'] = manifest;
  process.env['VK_ICD_FILENAMES'] = manifest; // the name before version 1.3.207 of the loader
  return { usable: true };
}
