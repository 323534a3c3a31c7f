-- A primary that may have been replaced answers nobody.
if isCutOff then
  return redis.error_reply('RVCUTOFF no replica has acknowledged what this primary wrote within the fence of '
    .. int(fence) .. ' ms (a server without replicas needs a fence of 0)')
end
