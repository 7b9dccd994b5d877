// Why a file or a folder could not be used, in words where the system's are a riddle.

/** @param error what the system said of reading, opening or making it */
export function whyUnusable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a folder';
    case 'ENOTDIR':
      return 'a part of its path is a file';
    case 'EACCES':
    case 'EPERM':
      return 'this user has no right to it';
    case 'ENAMETOOLONG':
      return 'its name is too long';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'there is no space left';
    case 'EROFS':
      return 'it is on a file system that is only read';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
