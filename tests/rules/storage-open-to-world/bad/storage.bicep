resource store 'Microsoft.Storage/storageAccounts@2023-01-01' = {
  name: 'documents'
  location: 'westeurope'
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: true
  }
}
