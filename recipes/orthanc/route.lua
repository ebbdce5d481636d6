-- Sends every radiograph that arrives to fractura. Results are of other modalities (SR, OT) and are not sent.
function OnStoredInstance(instanceId, tags, metadata, origin)
  if tags['Modality'] == 'CR' or tags['Modality'] == 'DX' then
    SendToModality(instanceId, 'fractura')
  end
end
