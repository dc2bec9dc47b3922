resource nsg 'Microsoft.Network/networkSecurityGroups@2023-09-01' = {
  name: 'models'
  location: 'westeurope'
  properties: {
    securityRules: [
      {
        name: 'rdp'
        properties: {
          access: 'Allow'
          direction: 'Inbound'
          protocol: 'Tcp'
          priority: 100
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '3389'
        }
      }
    ]
  }
}
